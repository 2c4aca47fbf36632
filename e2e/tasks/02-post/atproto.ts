import { AtpAgent } from '@atproto/api'

const agent = new AtpAgent({ service: 'https://pds.example.com' })
await agent.login({ identifier: 'alice.example.com', password: process.env['APP_PASSWORD']! })
const { uri } = await agent.post({ text: 'Hello' })
console.log(uri)
