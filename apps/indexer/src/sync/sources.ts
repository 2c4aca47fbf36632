// The sources that settings name.

import { pdsSource, relaySource, type Source } from '@avocet/firehose'
import type { SourceConfig } from '../config.ts'

/** The origin for requests of a source's WebSocket address. */
export function toHttp(url: string): string {
  return url.replace(/^ws/, 'http')
}

/** A source as the firehose reads it. */
export function toSource({ url, kind, start }: SourceConfig): Source {
  return kind === 'pds' ? pdsSource({ url, start }) : relaySource({ url, start })
}
