/** A facet whose range is good. */
export type CleanFacet<F> = { readonly byteStart: number; readonly byteEnd: number; readonly facet: F }

/**
 * Facets of a text (as UTF-8), in their order, that are in range, on borders of characters, not empty, and apart: of two, the one that
 * begins first.
 */
export function clean<F>(bytes: Uint8Array, facets: readonly F[] | null | undefined): CleanFacet<F>[] {
  // The first byte of each character, and the end.
  const isBorder = (at: unknown): at is number =>
    Number.isInteger(at) && (at as number) <= bytes.length && (bytes[at as number]! & 0xc0) !== 0x80
  let done = 0
  return (Array.isArray(facets) ? (facets as readonly F[]) : [])
    .flatMap((facet) => {
      const { byteStart, byteEnd } =
        (facet as { index?: { byteStart?: unknown; byteEnd?: unknown } | null } | null)?.index ?? {}
      return isBorder(byteStart) && isBorder(byteEnd) && byteStart < byteEnd
        ? { byteStart, byteEnd, facet }
        : []
    })
    .toSorted((a, b) => a.byteStart - b.byteStart)
    .filter(({ byteStart, byteEnd }) => {
      const isApart = byteStart >= done
      if (isApart) done = byteEnd
      return isApart
    })
}
