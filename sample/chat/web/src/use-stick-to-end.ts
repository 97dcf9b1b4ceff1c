import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';

/** How far from the end still counts as being there, in pixels. */
const NEAR = 40;

/**
 * Keeps the end of a growing list in view for whoever is there, and leaves alone who has
 * scrolled up to read.
 */
export function useStickToEnd() {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const [isAtEnd, setIsAtEnd] = useState(true);
  const sticks = useRef(true);

  const toEnd = useCallback(() => {
    const element = scroller.current!;
    sticks.current = true;
    setIsAtEnd(true);
    element.scrollTop = element.scrollHeight;
  }, []);

  // Before anything is drawn, or each message would be seen to jump.
  useLayoutEffect(() => {
    if (sticks.current) {
      scroller.current!.scrollTop = scroller.current!.scrollHeight;
    }
  });

  useEffect(() => {
    const element = scroller.current!;
    const onScroll = () => {
      const { scrollHeight, scrollTop, clientHeight } = element;
      sticks.current = scrollHeight - scrollTop - clientHeight < NEAR;
      setIsAtEnd(sticks.current);
    };
    element.addEventListener('scroll', onScroll, { passive: true });
    // The keyboard of a phone opens, the text box grows.
    const resizes = new ResizeObserver(() => {
      if (sticks.current) {
        element.scrollTop = element.scrollHeight;
      }
    });
    resizes.observe(element);
    resizes.observe(content.current!);
    return () => {
      element.removeEventListener('scroll', onScroll);
      resizes.disconnect();
    };
  }, []);

  return { scroller, content, isAtEnd, toEnd };
}
