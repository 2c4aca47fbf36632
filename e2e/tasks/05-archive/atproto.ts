import { readFile } from 'node:fs/promises'
import { MemoryBlockstore, Repo, readCarWithRoot } from '@atproto/repo'

const { root, blocks } = await readCarWithRoot(await readFile('repo.car'))
const repo = await Repo.load(new MemoryBlockstore(blocks), root)
for await (const { collection, rkey, record } of repo.walkRecords()) {
  console.log(`${collection}/${rkey}`, record['$type'])
}
