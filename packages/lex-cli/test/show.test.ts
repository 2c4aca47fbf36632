import { documents } from '@avocet/lexicons/catalog'
import { describe, expect, it } from 'vitest'
import type { LexiconDocument } from '@avocet/lexicon'
import { formatProblems } from '../src/problem.ts'
import { show } from '../src/show.ts'
import { lexicon, record } from './support.ts'

const post = documents.find(({ id }) => id === 'app.bsky.feed.post')!
const threads = documents.find(({ id }) => id === 'com.atproto.sync.subscribeRepos')!

describe('show', () => {
  it('tells what a record, a method and a stream hold', () => {
    const text = show(post)
    expect(text).toContain('main: record (key: tid)\n  “Record containing a Bluesky post.”\n  text: string (')
    expect(text).toContain('  embed?: any of → app.bsky.embed.images, → app.bsky.embed.video')
    expect(text).toContain('  langs?: language[] (maxLength 3)')
    expect(show(threads)).toContain('  messages: any of → #commit, → #sync')
    expect(show(threads)).toContain('  error FutureCursor')
  })

  it('shows every bundled document', () => {
    for (const document of documents) expect(show(document).startsWith(`${document.id}\n`)).toBe(true)
  })

  it('lets no control character reach the terminal', () => {
    const evil = '\u001b[2Jgone\u202e\rhidden'
    const document = lexicon('com.example.a', {
      ...record({}),
      description: evil,
    }) as unknown as LexiconDocument
    expect(show(document)).toContain('\\u{1b}[2Jgone\\u{202e}\\u{d}hidden')
    const problem = { severity: 'error', rule: 'x', file: evil, path: evil, message: evil } as const
    expect(formatProblems([problem])).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u)
  })
})
