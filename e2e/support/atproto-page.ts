// What the front door does in a page; bundled for browsers and loaded there.
import { agent, createIdentity, repo, signIn, watch } from '@avocet/atproto'
import * as Post from '@avocet/lexicons/app.bsky.feed.post'
import type { Did } from '@avocet/syntax'

/** What the page found. */
export interface FrontDoorReport {
  readonly uri: string
  readonly proved: string | undefined
  readonly all: boolean
  readonly watched: string
}

Object.assign(globalThis, {
  frontDoor: async (plcUrl: string, did: Did, password: string): Promise<FrontDoorReport> => {
    const { dids } = createIdentity({ plcUrl, allowLoopback: true })
    const identity = { dids, handles: { resolve: async () => ({ ok: true, value: did }) as const } }
    const me = agent(await signIn(did, password, { identity }))
    const { uri } = await me.create(Post.main, { text: 'from a page' })
    const rkey = uri.split('/').at(-1)!
    const account = repo(did, { identity })
    const proved = await account.get(Post.main, rkey)
    let all = false
    for await (const entry of account) all ||= entry.uri === uri
    const seen = watch(did, { identity })[Symbol.asyncIterator]()
    const first = seen.next()
    // The stream begins with what is written once it is open.
    const timer = setInterval(() => void me.put(Post.main, rkey, { text: `changed ${Date.now()}` }), 200)
    const { value } = await first
    clearInterval(timer)
    await seen.return()
    return { uri, proved: proved?.value.text, all, watched: value?.uri ?? '' }
  },
})
