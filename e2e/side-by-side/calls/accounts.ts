// The accounts that the other tables speak of, each in a situation of its own.
import { get, PASSWORD, post, signIn, signUp, type Call } from '../calls.ts'

const createAppPassword = (of: string, name: string, save: string, privileged?: boolean): Call =>
  post(
    'com.atproto.server.createAppPassword',
    `${name} of ${of}`,
    { name, ...(privileged === undefined ? {} : { privileged }) },
    { auth: of, save: { [save]: 'password' } },
  )

export const accountCalls: readonly Call[] = [
  signUp('alice'),
  signUp('robert'),
  signUp('app-owner'),
  createAppPassword('app-owner', 'plain', 'plain.password'),
  createAppPassword('app-owner', 'privileged', 'privileged.password', true),
  signIn('plain', 'app-owner.test', '{plain.password}', 'with an app password'),
  signIn('privileged', 'app-owner.test', '{privileged.password}', 'with a privileged app password'),
  signUp('sleeper'),
  post('com.atproto.server.deactivateAccount', 'sleeper', {}, { auth: 'sleeper' }),
  signUp('banned'),
  post(
    'com.atproto.admin.updateSubjectStatus',
    'takes an account down',
    {
      subject: { $type: 'com.atproto.admin.defs#repoRef', did: '{banned.did}' },
      takedown: { applied: true, ref: 'spam' },
    },
    { auth: 'admin' },
  ),
  signUp('gone'),
  post('com.atproto.admin.deleteAccount', 'an account', { did: '{gone.did}' }, { auth: 'admin' }),
  signIn('sleeper', 'sleeper.test', PASSWORD, 'of a deactivated account'),
  signIn('banned', 'banned.test', PASSWORD, 'of an account taken down'),
  signIn('bannedGuest', 'banned.test', PASSWORD, 'of an account taken down, with allowTakendown', {
    allowTakendown: true,
  }),
  signIn('gone', 'gone.test', PASSWORD, 'of a deleted account'),
  get(
    'com.atproto.sync.getRepo',
    'of sleeper, by its owner',
    { did: '{sleeper.did}' },
    {
      auth: 'sleeper',
      save: { 'sleeper.car': '*' },
    },
  ),
  get('com.atproto.sync.listRepos', 'all', {}, { unordered: ['body.repos'] }),
  get(
    'com.atproto.sync.getRepo',
    'of alice, empty',
    { did: '{alice.did}' },
    { save: { 'alice.emptyCar': '*' } },
  ),
]
