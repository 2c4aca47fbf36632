import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { TestNetwork } from './network.ts'

/** Every mail so far, the oldest first. */
export async function mails(net: TestNetwork): Promise<string[]> {
  const folder = join(net.folder, 'mail')
  const names = await readdir(folder).catch((): string[] => [])
  return Promise.all(names.toSorted().map((name) => readFile(join(folder, name), 'utf8')))
}

/** The newest mail to an address, with this subject, that fits; waited for: some mail is sent after the answer. */
export async function mailTo(
  net: TestNetwork,
  to: string,
  subject: string,
  fits: (text: string) => boolean = () => true,
): Promise<string> {
  for (let attempt = 0; attempt < 150; attempt++) {
    const found = (await mails(net)).findLast(
      (text) => text.includes(`To: ${to}\n`) && text.includes(`Subject: ${subject}`) && fits(text),
    )
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`no mail to ${to}`)
}

const CODE = /^ {4}(\S+)$/m

/** The code in the newest mail with one to an address (with this subject), waited for. */
export async function mailedCode(net: TestNetwork, to: string, subject = ''): Promise<string> {
  return CODE.exec(await mailTo(net, to, subject, (text) => CODE.test(text)))![1]!
}
