/** Shortest new password that pages take, in characters: https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver */
export const MIN_PASSWORD = 8
