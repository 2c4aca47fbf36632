import { expect, it } from 'vitest'
import { RepoError } from '../src/error.ts'

it('keeps what caused an error, and has no cause where there is none', () => {
  const cause = new Error('no bytes')
  expect(new RepoError('malformed-repo', 'not a valid CAR', { cause }).cause).toBe(cause)
  const alone = new RepoError('malformed-repo', 'not a valid CAR', { path: 'com.example.a/b' })
  expect(alone).not.toHaveProperty('cause')
  expect(alone.path).toBe('com.example.a/b')
})
