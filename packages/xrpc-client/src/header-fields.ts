/** What the platform makes a `Headers` from. By its constructor, for programs that have the types of Node and not those of the DOM. */
export type HeaderFields = NonNullable<ConstructorParameters<typeof Headers>[0]>
