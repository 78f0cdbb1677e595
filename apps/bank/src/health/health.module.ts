import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';
import { ReadSide } from './read-side.js';
import { WriteSide } from './write-side.js';

@Module({
  // What is wrong is in the answer; whoever asks every second shall not fill the log.
  imports: [TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
  providers: [ReadSide, WriteSide],
})
export class HealthModule {}
