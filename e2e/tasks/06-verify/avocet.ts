import { repo } from '@avocet/atproto'

for await (const { uri, cid } of repo('alice.example.com')) console.log(uri, cid)
