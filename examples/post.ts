// A command-line tool that posts. The first time it opens the browser for the sign-in; later it goes on by itself.
//
//   node examples/post.ts alice.example.com 'Hello from the command line'
import { homedir } from 'node:os'
import { join } from 'node:path'

import { agent, resolve } from '@avocet/atproto'
import * as Post from '@avocet/lexicons/app.bsky.feed.post'
import { createLoopbackClient } from '@avocet/oauth-client/loopback'

const [handle, text] = process.argv.slice(2)
if (handle === undefined || text === undefined) throw new Error('usage: post.ts <handle> <text>')

const client = createLoopbackClient({
  scope: ['atproto', 'repo:app.bsky.feed.post'],
  file: join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state'), 'avocet-post/sessions.json'),
})
const kept = await client.restore((await resolve(handle)).did)
const session = kept.ok ? kept : await client.signIn(handle)
if (!session.ok) throw session.error
const { uri } = await agent(session.value).create(Post.main, { text })
console.log(uri)
