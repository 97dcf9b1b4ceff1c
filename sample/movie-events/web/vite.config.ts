import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  server: {
    // `npm run start:web`: the page with hot reload, its data from the app.
    proxy: {
      '/events': 'http://localhost:3000',
      '/movie': 'http://localhost:3000',
    },
  },
});
