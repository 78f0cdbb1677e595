// Totals over REST.
import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { SeenPosition } from '../../http/headers.js';
import { Reads, RestDoor } from '../../http/rest-door.js';
import { RegionsQuestion } from './inputs.js';
import { RegionReads } from './region-reads.js';
import { RegionTotalsView } from './views.js';

@RestDoor('regions')
@Controller('v1/regions')
export class RegionsController {
  constructor(private readonly reads: RegionReads) {}

  @Get()
  @Reads([RegionTotalsView])
  @ApiOperation({ summary: 'Totals by region and currency' })
  regions(@Query() question: RegionsQuestion, @SeenPosition() seen?: bigint): Promise<RegionTotalsView[]> {
    return this.reads.regions(question, seen);
  }
}
