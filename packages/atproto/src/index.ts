export { agent, type Agent, type AgentSession } from './agent.ts'
export { archive, type ArchiveOptions } from './archive.ts'
export { blob } from './blob.ts'
export { AtprotoError, type Speaker } from './error.ts'
export {
  firehose,
  type CursorStore,
  type FirehoseOptions,
  type FollowOptions,
  type RecordChange,
} from './firehose.ts'
export {
  createIdentity,
  resolve,
  type IdentityOptions,
  type LocatedAccount,
  type ReadOptions,
} from './identity.ts'
export { records, type ListOptions } from './records.ts'
export { repo, type ProvedEntry, type Repo } from './repo.ts'
export { signIn, type SignInOptions } from './session.ts'
export { watch } from './watch.ts'
export { resumeSession, type ResumeOptions, type Session, type SessionData } from '@avocet/xrpc-client'
