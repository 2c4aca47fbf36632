import type { Client } from './client/client.ts'
import type { Asker } from './client/clients.ts'
import type { ClientKey } from './rows.ts'

/** Who asks for tokens, proved. */
export interface TokenCaller {
  readonly client: Client
  readonly clientKey: ClientKey | null
  readonly dpopThumbprint: string
  readonly asker: Asker
}
