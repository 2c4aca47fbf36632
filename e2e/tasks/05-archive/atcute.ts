import { readFile } from 'node:fs/promises'
import { fromUint8Array } from '@atcute/repo'

for (const { collection, rkey, record } of fromUint8Array(await readFile('repo.car'))) {
  console.log(`${collection}/${rkey}`, (record as { $type: string }).$type)
}
