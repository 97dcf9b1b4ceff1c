interface Node<T> {
  readonly children: Map<string, Node<T>>;
  value?: T;
}

/** Values by pattern, found by topic without trying every pattern. */
export class PatternTrie<T> {
  readonly #root: Node<T> = { children: new Map() };
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(pattern: string): T | undefined {
    let node: Node<T> | undefined = this.#root;
    for (const segment of pattern.split('.')) {
      node = node?.children.get(segment);
    }
    return node?.value;
  }

  set(pattern: string, value: T): void {
    let node = this.#root;
    for (const segment of pattern.split('.')) {
      let child = node.children.get(segment);
      if (child === undefined) {
        node.children.set(segment, (child = { children: new Map() }));
      }
      node = child;
    }
    if (node.value === undefined) {
      this.#size++;
    }
    node.value = value;
  }

  delete(pattern: string): void {
    const path: [Node<T>, string][] = [];
    let node: Node<T> | undefined = this.#root;
    for (const segment of pattern.split('.')) {
      path.push([node, segment]);
      node = node.children.get(segment);
      if (node === undefined) {
        return;
      }
    }
    if (node.value !== undefined) {
      node.value = undefined;
      this.#size--;
    }
    for (const [parent, segment] of path.reverse()) {
      const child = parent.children.get(segment)!;
      if (child.value !== undefined || child.children.size > 0) {
        return;
      }
      parent.children.delete(segment);
    }
  }

  /** The values of all patterns that match a topic, each once. */
  match(topic: string): Set<T> {
    const found = new Set<T>();
    if (this.#size > 0) {
      this.#collect(this.#root, topic.split('.'), 0, found);
    }
    return found;
  }

  /** Every value, in no order. */
  *values(node: Node<T> = this.#root): Generator<T> {
    if (node.value !== undefined) {
      yield node.value;
    }
    for (const child of node.children.values()) {
      yield* this.values(child);
    }
  }

  #collect(
    node: Node<T>,
    topic: readonly string[],
    at: number,
    found: Set<T>,
  ): void {
    const many = node.children.get('**');
    if (many !== undefined) {
      for (let skipped = at; skipped <= topic.length; skipped++) {
        this.#collect(many, topic, skipped, found);
      }
    }
    if (at === topic.length) {
      if (node.value !== undefined) {
        found.add(node.value);
      }
      return;
    }
    const named = node.children.get(topic[at]!);
    if (named !== undefined) {
      this.#collect(named, topic, at + 1, found);
    }
    const any = node.children.get('*');
    if (any !== undefined) {
      this.#collect(any, topic, at + 1, found);
    }
  }
}
