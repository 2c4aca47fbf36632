export { readFixture, readFixtureText } from './fixtures.ts'
export { fromBase64, fromHex, sameBytes, toBase64, toHex } from './bytes.ts'
export { createRandom, fuzzRounds, isFullFuzz, mutate, type Random } from './fuzz.ts'
