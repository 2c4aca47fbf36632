import { AtpAgent, RichText } from '@atproto/api'

const agent = new AtpAgent({ service: 'https://pds.example.com' })
await agent.login({ identifier: 'alice.example.com', password: process.env['APP_PASSWORD']! })
const post = new RichText({ text: 'Hello @alice.example.com, see https://example.com' })
await post.detectFacets(agent)
await agent.post({ text: post.text, facets: post.facets })
console.log(JSON.stringify(post.facets))
