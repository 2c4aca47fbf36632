import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { TestNetwork } from './network.ts'

/** Every mail so far, the oldest first. */
export async function mails(net: TestNetwork): Promise<string[]> {
  const folder = join(net.folder, 'mail')
  const names = await readdir(folder).catch((): string[] => [])
  return Promise.all(names.toSorted().map((name) => readFile(join(folder, name), 'utf8')))
}

/** The code in the newest mail to an address (with this subject), waited for: some mail is sent after the answer. */
export async function mailedCode(net: TestNetwork, to: string, subject = ''): Promise<string> {
  for (let attempt = 0; attempt < 150; attempt++) {
    for (const text of (await mails(net)).toReversed()) {
      if (!text.includes(`To: ${to}\n`) || !text.includes(`Subject: ${subject}`)) continue
      const code = /^ {4}(\S+)$/m.exec(text)?.[1]
      if (code !== undefined) return code
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`no mail to ${to}`)
}
