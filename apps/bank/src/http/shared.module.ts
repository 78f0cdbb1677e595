// What all doors share: their settings, and who is subscribed.
import { type DynamicModule, Module } from '@nestjs/common';
import { HttpSettings } from './settings.js';
import { Subscribers } from './subscribers.js';

@Module({})
export class SharedModule {
  static of(settings: HttpSettings): DynamicModule {
    return {
      module: SharedModule,
      global: true,
      providers: [{ provide: HttpSettings, useValue: settings }, Subscribers],
      exports: [HttpSettings, Subscribers],
    };
  }
}
