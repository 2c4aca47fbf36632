// app.bsky.actor.getPreferences and putPreferences: the part of app.bsky that a PDS keeps itself.
import { get, post, signUp, type Call } from '../calls.ts'

const put = (situation: string, preferences: unknown, auth = 'polly'): Call =>
  post('app.bsky.actor.putPreferences', situation, { preferences }, { auth })
const read = (situation: string, auth = 'polly'): Call =>
  get('app.bsky.actor.getPreferences', situation, {}, { auth })

const adult = { $type: 'app.bsky.actor.defs#adultContentPref', enabled: true }
const details = { $type: 'app.bsky.actor.defs#personalDetailsPref', birthDate: '1990-01-01T00:00:00.000Z' }

export const preferenceCalls: readonly Call[] = [
  signUp('polly'),
  post(
    'com.atproto.server.createAppPassword',
    'plain of polly',
    { name: 'plain' },
    { auth: 'polly', save: { 'polly.plain': 'password' } },
  ),
  post(
    'com.atproto.server.createAppPassword',
    'privileged of polly',
    { name: 'privileged', privileged: true },
    {
      auth: 'polly',
      save: { 'polly.privileged': 'password' },
    },
  ),
  ...['plain', 'privileged'].map((kind) =>
    post(
      'com.atproto.server.createSession',
      `${kind} app password of polly`,
      { identifier: 'polly.test', password: `{polly.${kind}}` },
      {
        save: { [`polly-${kind}.accessJwt`]: 'accessJwt' },
      },
    ),
  ),
  read('none'),
  put('one', [adult]),
  read('one'),
  put('others', [{ $type: 'app.bsky.actor.defs#savedFeedsPrefV2', items: [] }, details]),
  read('others'),
  read('others, app password', 'polly-plain'),
  read('others, privileged app password', 'polly-privileged'),
  put('personal details, app password', [details], 'polly-plain'),
  put('personal details, privileged app password', [details], 'polly-privileged'),
  put('another, app password', [adult], 'polly-plain'),
  read('after an app password'),
  put('another namespace', [{ $type: 'com.example.pref', x: 1 }]),
  put('an unknown kind', [{ $type: 'app.bsky.actor.defs#unknownPref', x: 1 }]),
  put('no $type', [{ enabled: true }]),
  put('computed by the server', [{ $type: 'app.bsky.actor.defs#declaredAgePref', isOverAge18: true }]),
  put('not a list', {}),
  put('text', ['x']),
  put('a bad value', [{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: 'yes' }]),
  put('the same kind twice', [adult, adult]),
  put('90 kB', [{ $type: 'app.bsky.actor.defs#mutedWordsPref', items: [], note: 'x'.repeat(90_000) }]),
  read('after 90 kB'),
  put('nothing', []),
  read('nothing'),
]
