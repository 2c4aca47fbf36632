// Writes src/tld-names.ts from the package `tlds`, which follows the list of IANA.
//
//   node packages/richtext/scripts/tlds.ts
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import tlds from 'tlds' with { type: 'json' }

/** Names in their order, each as how many letters it shares with the one before (`A` for none), and the rest. */
function pack(names: readonly string[]): string {
  let last = ''
  let packed = ''
  for (const name of names) {
    let shared = 0
    while (shared < last.length && name[shared] === last[shared]) shared++
    packed += String.fromCharCode(65 + shared) + name.slice(shared)
    last = name
  }
  return packed
}

const packed = pack(tlds.filter((name) => /^[a-z]+$/.test(name)).toSorted())
const lines = packed.match(/.{1,130}/g)!.map((line) => `  '${line}'`)
writeFileSync(
  join(import.meta.dirname, '../src/tld-names.ts'),
  `// Written by scripts/tlds.ts. Do not edit.\n\nexport const NAMES: string =\n${lines.join(' +\n')}\n`,
)
