import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { runCommand } from '../command.ts'
import type { CrashServer } from './server.ts'

/** Backups one after the other, made by another process while the server is killed and started. */
export interface Backups {
  /** How many were finished, and checked. */
  count(): number
  /** Ends with one more, made and checked; its folder. */
  finish(): Promise<string>
  readonly done: Promise<void>
}

const COMMAND_MS = 120_000
const EVERY_MS = 3000

/** Makes backups of a server's data into folders below `folder`; the newest finished one stays. */
export function keepBackups(server: CrashServer, folder: string): Backups {
  let count = 0
  const stopped = new AbortController()

  const run = async (...args: string[]): Promise<void> => {
    const flags = ['--data', server.folder, '--port', String(server.port), '--plc-url', server.plcUrl]
    const env = { PDS_ADMIN_PASSWORD: 'operator-password' }
    const { code, stdout, stderr } = await runCommand(['backup', ...args, ...flags], env, COMMAND_MS)
    if (code !== 0) throw new Error(`backup ${args.join(' ')} ended with ${code}\n${stdout}${stderr}`)
  }
  const make = async (): Promise<string> => {
    const target = join(folder, `backup-${count}`)
    await run(target)
    await run('--verify', target)
    if (count > 0) await rm(join(folder, `backup-${count - 1}`), { recursive: true })
    count += 1
    return target
  }
  const loop = async (): Promise<void> => {
    await server.whenUp()
    while (!stopped.signal.aborted) {
      await make()
      for (let waited = 0; waited < EVERY_MS && !stopped.signal.aborted; waited += 100) {
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  }
  const done = loop()
  return {
    count: () => count,
    finish: async () => {
      stopped.abort()
      await done
      return make()
    },
    done,
  }
}
