import type { EngineNode, MemoryEngine } from '../memory-engine.js';

/** A node that breaks one promise, and the case that has to say so. */
export interface BrokenEngine {
  readonly breaks: string;
  readonly Node: new (engine: MemoryEngine) => EngineNode;
}

export type BrokenEngines = Readonly<Record<string, BrokenEngine>>;
