import { IsInt } from 'class-validator';

export class RecommendationDto {
  @IsInt({ message: 'movieId must be a whole number' })
  movieId: number;
}
