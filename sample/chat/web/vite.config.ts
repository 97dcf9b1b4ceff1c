import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const APP = 'http://localhost:3000';

export default defineConfig({
  plugins: [react()],
  server: {
    // `npm run start:web`: the page with hot reload, its data from the app.
    proxy: { '/messages': APP, '/message': APP },
  },
});
