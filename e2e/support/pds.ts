// A PDS in this process with a did:plc directory beside it: what tests with published clients sign up at.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { AtpAgent } from '@atproto/api'
import { createPds, type Pds, type PdsEmbedding, type PdsOptions } from '@avocet/pds'
import { createPlcDirectory, type PlcDirectory } from '@avocet/plc-directory'
import { pdsDatabase } from '@avocet/testing/pds-store'
import type { Page } from 'playwright-core'

/** Of every account. */
export const PASSWORD = 'correct horse'

/** A running PDS and its directory. */
export interface TestPds extends AsyncDisposable {
  readonly plc: PlcDirectory
  /** Another one after `restart`. */
  readonly pds: Pds
  /** Its public origin: the same after `restart`. */
  readonly origin: string
  /** Ends the server and starts it again on its data and its port. */
  restart(): Promise<void>
  /** An account with the handle `<name>.test`, or under the host name that the options gave; signed in. */
  newAccount(name: string): Promise<AtpAgent>
}

/** Starts both, on data of their own that goes away with them. */
export async function startPds(options: Partial<PdsOptions & PdsEmbedding> = {}): Promise<TestPds> {
  const folder = await mkdtemp(join(tmpdir(), 'avocet-pds-'))
  const plc = await createPlcDirectory({ port: 0, rateLimits: null })
  const start = (port: number): Promise<Pds> =>
    createPds({
      dataDirectory: folder,
      port,
      plcUrl: plc.url,
      loginFloorMs: 0,
      inviteRequired: false,
      postgres: pdsDatabase(folder),
      ...options,
    })
  let pds = await start(0)
  return {
    plc,
    get pds() {
      return pds
    },
    origin: options.hostname === undefined ? `http://localhost:${pds.port}` : `https://${options.hostname}`,
    restart: async () => {
      const { port } = pds
      await pds.close()
      pds = await start(port)
    },
    newAccount: async (name) => {
      const agent = new AtpAgent({ service: pds.url })
      const handle = name + pds.config.handleDomains[0]!
      await agent.createAccount({ handle, email: `${name}@example.com`, password: PASSWORD })
      return agent
    },
    [Symbol.asyncDispose]: async () => {
      await pds.close()
      await plc.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Types the password on the page of a sign-in, and sends it. */
export async function typePassword(page: Page, password = PASSWORD): Promise<void> {
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}
