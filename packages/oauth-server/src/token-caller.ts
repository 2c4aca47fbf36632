import type { Asker } from './client/clients.ts'
import type { KnownClient } from './client/identify.ts'

/** Who asks for tokens, proved. */
export interface TokenCaller extends KnownClient {
  readonly dpopThumbprint: string
  readonly asker: Asker
}
