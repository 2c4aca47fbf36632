import { get, type Call } from '../calls.ts'
import type { StubAnswer } from '../stub-service.ts'

/** A call, and what the AppView answers from here on, by method. Saved values stand in braces in answers too. */
export interface ServiceStep {
  readonly answers?: Readonly<Record<string, StubAnswer>>
  readonly call: Call
}

/** Who asks. */
export const auth = 'sandra'
/** When records were made. */
export const createdAt = '2026-01-01T00:00:00.000Z'

/** A step. */
export const ask = (call: Call, answers?: ServiceStep['answers']): ServiceStep =>
  answers === undefined ? { call } : { call, answers }

/** The page that most of them ask for. */
export const TIMELINE = 'app.bsky.feed.getTimeline'
/** Names the service to ask. */
export const to = (target: string): object => ({ headers: { 'atproto-proxy': target } })
/** Asks for the page. */
export const timeline = (situation: string, extra: object = {}): Call =>
  get(TIMELINE, situation, { limit: 5 }, { auth, ...extra })
