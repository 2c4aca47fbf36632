import { createReadStream } from 'node:fs'
import { archive } from '@avocet/atproto'

for await (const { uri, value } of archive(createReadStream('repo.car'))) console.log(uri, value['$type'])
