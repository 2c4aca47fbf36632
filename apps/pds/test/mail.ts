import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { TestNetwork } from './network.ts'

/** The code in the newest mail to an address. */
export async function mailedCode(net: TestNetwork, to: string): Promise<string> {
  const folder = join(net.folder, 'mail')
  for (const name of (await readdir(folder)).toSorted().toReversed()) {
    const text = await readFile(join(folder, name), 'utf8')
    if (text.includes(`To: ${to}\n`)) return /^ {4}(\S+)$/m.exec(text)![1]!
  }
  throw new Error(`no mail to ${to}`)
}
