export { readFixture, readFixtureText } from './fixtures.ts'
