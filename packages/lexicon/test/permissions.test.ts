import { describe, expect, it } from 'vitest'
import { effectivePermissions } from '../src/permissions.ts'
import type { LexiconPermission } from '../src/document.ts'

const run = (permission: object, aud?: string) => {
  const permissions = [{ type: 'permission', ...permission } as LexiconPermission]
  const { granted, ignored } = effectivePermissions(
    { type: 'permission-set', nsid: 'com.example.feed.auth', permissions },
    aud,
  )
  return granted[0] ?? ignored[0]?.reason
}

describe('effectivePermissions', () => {
  it('grants what is within the namespace', () => {
    expect(
      run({ resource: 'repo', collection: ['com.example.feed.post', 'com.example.feed.deep.x'] }),
    ).toEqual({
      resource: 'repo',
      collection: ['com.example.feed.post', 'com.example.feed.deep.x'],
      action: ['create', 'update', 'delete'],
    })
    expect(
      run({ resource: 'repo', collection: ['com.example.feed.post'], action: ['delete'] }),
    ).toMatchObject({ action: ['delete'] })
    expect(run({ resource: 'rpc', lxm: ['com.example.feed.get'], aud: '*' })).toEqual({
      resource: 'rpc',
      lxm: ['com.example.feed.get'],
      aud: '*',
    })
    expect(
      run({ resource: 'rpc', lxm: ['com.example.feed.get'], inheritAud: true }, 'did:web:a.b#c'),
    ).toMatchObject({ aud: 'did:web:a.b#c' })
  })

  it.each<[string, object]>([
    ['siblings', { resource: 'repo', collection: ['com.example.actor.profile'] }],
    ['parents', { resource: 'repo', collection: ['com.example.profile'] }],
    ['names that only begin alike', { resource: 'repo', collection: ['com.example.feedback.post'] }],
    [
      'one collection of many',
      { resource: 'repo', collection: ['com.example.feed.post', 'app.bsky.feed.post'] },
    ],
    ['all collections', { resource: 'repo', collection: ['*'] }],
    [
      'unknown actions',
      { resource: 'repo', collection: ['com.example.feed.post'], action: ['create', 'read'] },
    ],
    ['all methods', { resource: 'rpc', lxm: ['*'], inheritAud: true }],
    ['a fixed service', { resource: 'rpc', lxm: ['com.example.feed.get'], aud: 'did:web:a.b#c' }],
    ['aud beside inheritAud', { resource: 'rpc', lxm: ['com.example.feed.get'], aud: '*', inheritAud: true }],
    [
      'unknown fields, which could narrow it',
      { resource: 'repo', collection: ['com.example.feed.post'], until: 5 },
    ],
    ['other resources', { resource: 'blob', accept: ['*/*'] }],
  ])('ignores %s', (_, permission) => {
    expect(run(permission, 'did:web:a.b#c')).toBeTypeOf('string')
  })

  it('ignores an inherited audience that nobody gave', () => {
    expect(run({ resource: 'rpc', lxm: ['com.example.feed.get'], inheritAud: true })).toBe(
      'no audience to inherit',
    )
  })
})
