// Takes mends out of a copy of the sources, and measures how long a search at random takes to find what they prevent.

import { spawn } from 'node:child_process'
import { copyWithout } from './copy-without.ts'
import { MENDS } from './mends.ts'
import type { Finding } from './shrink.ts'

/** Searches begin at these seeds: how long one takes is luck. */
const STARTS = [1, 1_000_001, 2_000_001]

type Search = { readonly played: number; readonly cpuSeconds: number; readonly finding: Finding | null }

/** Prints a table of the sequences (all, or those named). Exit code 1 when one is not found. @param seconds each search at most */
export async function takeOutMends(
  names: readonly string[],
  seconds: number,
  rounds = STARTS.length,
): Promise<void> {
  console.log('| sequence | mend taken out | seconds of CPU until found | interleavings | actions |')
  console.log('|---|---|---|---|---|')
  for (const mend of MENDS) {
    if (names.length > 0 && !names.includes(mend.sequence)) continue
    using copy = copyWithout(mend)
    const found: Search[] = []
    for (const first of STARTS.slice(0, rounds)) {
      const search = await searchIn(copy.folder, first, seconds)
      if (search?.finding) found.push(search)
    }
    const few = found.toSorted((a, b) => a.finding!.actions.length - b.finding!.actions.length)[0]
    const each = (of: (search: Search) => number): string =>
      found.map((search) => of(search).toFixed(0)).join(', ')
    const times =
      found.length === 0 ? 'not found' : found.map(({ cpuSeconds }) => cpuSeconds.toFixed(1)).join(', ')
    const cells = [
      mend.sequence,
      mend.mend,
      times,
      each(({ played }) => played),
      each(({ finding }) => finding!.actions.length),
    ]
    console.log(`| ${cells.join(' | ')} |`)
    if (few !== undefined)
      console.error(
        `${mend.sequence}: ${few.finding!.difference.what}\n  ${JSON.stringify(few.finding!.actions)}`,
      )
    if (found.length < Math.min(rounds, STARTS.length)) process.exitCode = 1
  }
}

/** A search at random in the copy; null when it did not end, which is a finding of another kind. */
function searchIn(folder: string, first: number, seconds: number): Promise<Search | null> {
  const args = [
    'model/cli.ts',
    '--json',
    '--count',
    '1000000',
    '--from',
    String(first),
    '--seconds',
    String(seconds),
  ]
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
    let text = ''
    child.stdout.on('data', (data: Buffer) => (text += data.toString()))
    const timer = setTimeout(() => child.kill('SIGKILL'), (seconds + 60) * 1000)
    child.on('close', () => {
      clearTimeout(timer)
      resolve(text === '' ? null : (JSON.parse(text) as Search))
    })
  })
}
