// What a sample says about all, with how much confidence.
// C. Clopper, E. Pearson: The use of confidence or fiducial limits illustrated in the case of the binomial (1934)

/** The share of all that have something, of which a sample of `count` had `hits`, is at most this, with this confidence. */
export function upperBound(count: number, hits: number, confidence: number): number {
  if (hits >= count) return 1
  let [low, high] = [hits / count, 1]
  // 50 halvings are more than a double can tell apart.
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2
    if (atMost(hits, count, middle) > 1 - confidence) low = middle
    else high = middle
  }
  return high
}

/** How likely at most `hits` of `count` are, when each has the chance `share`. */
function atMost(hits: number, count: number, share: number): number {
  let term = count * Math.log1p(-share)
  let sum = Math.exp(term)
  const odds = Math.log(share) - Math.log1p(-share)
  for (let i = 1; i <= hits; i++) {
    term += Math.log(count - i + 1) - Math.log(i) + odds
    sum += Math.exp(term)
  }
  return sum
}
