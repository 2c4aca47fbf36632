// A page that signs in and posts. It has no server of its own but for these files and the document that says what it is.
import { agent } from '@avocet/atproto'
import * as Post from '@avocet/lexicons/app.bsky.feed.post'
import { createBrowserOAuthClient, createBrowserResolver } from '@avocet/oauth-client/browser'

import { metadata } from './metadata.ts'

const signInForm = document.querySelector<HTMLFormElement>('#sign-in')!
const postForm = document.querySelector<HTMLFormElement>('#post')!
const say = (text: string): void => void (document.querySelector('#status')!.textContent = text)
const show = (isSignedIn: boolean): void => {
  signInForm.hidden = isSignedIn
  postForm.hidden = !isSignedIn
}

const client = createBrowserOAuthClient({
  metadata: metadata(location.origin),
  resolve: createBrowserResolver({ handleResolver: 'https://public.api.bsky.app' }),
  onEvent: ({ type }) => type === 'session-ended' && show(false),
})

signInForm.addEventListener('submit', (event) => {
  event.preventDefault()
  const handle = new FormData(signInForm).get('handle') as string
  void client.signInRedirect(handle).then((left) => left.ok || say(left.error.message))
})

// What a sign-in came back with, else the session that this browser has.
const back = await client.init()
if (!back.ok) say(back.error.message)
const sessions = await client.list()
const kept = sessions.ok && sessions.value[0] ? await client.restore(sessions.value[0].id) : null
const session = (back.ok && back.value?.session) || (kept?.ok && kept.value) || null
show(session !== null)
if (session !== null) {
  const me = agent(session)
  say(`Signed in as ${me.did}`)
  postForm.addEventListener('submit', (event) => {
    event.preventDefault()
    const text = new FormData(postForm).get('text') as string
    me.create(Post.main, { text }).then(
      ({ uri }) => say(uri),
      (error: Error) => say(error.message),
    )
  })
  document.querySelector('#sign-out')!.addEventListener('click', () => void session.signOut())
}
