// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

/// Pictures and their code streams for slides made by tests.
namespace slide_maker {

/// RGB, 8 bits, rows without padding.
struct Picture {
    unsigned width = 0;
    unsigned height = 0;
    std::string rgb{};
};

/// Tissue of a kind: soft colours, edges, and noise that keeps a code stream from becoming tiny.
[[nodiscard]] Picture tissue(unsigned width, unsigned height, unsigned variant);
/// The glass: label red on the left part, tissue grey on the rest.
[[nodiscard]] Picture glass(unsigned width, unsigned height, double label_fraction);

enum class JpegColour {
    rgb,   ///< components 0, 1, 2, no Adobe marker: as Aperio writes it, TIFF photometric 2
    ycbcr, ///< subsampled 2x2, TIFF photometric 6
};

/// The tables alone (SOI, DQT, DHT, EOI), for tag 347, and a picture without them.
[[nodiscard]] std::string jpeg_tables(JpegColour colour, int quality = 75);
[[nodiscard]] std::string jpeg_without_tables(const Picture& picture, JpegColour colour,
                                              int quality = 75);

enum class Wavelet { irreversible, reversible };
enum class ComponentTransform {
    inside, ///< the code stream's own (ICT or RCT)
    none,   ///< samples as they are
    before, ///< YCbCr made before coding, and the code stream does not know: TIFF compression 33003
};
/// A code stream without box.
[[nodiscard]] std::string jpeg_2000(const Picture& picture, Wavelet wavelet,
                                    ComponentTransform transform);

/// TIFF's LZW after horizontal differencing (predictor 2), one strip.
[[nodiscard]] std::string lzw_strip(const Picture& picture);
/// Rows `first` to `first + rows` of it.
[[nodiscard]] Picture rows_of(const Picture& picture, unsigned first, unsigned rows);

} // namespace slide_maker
