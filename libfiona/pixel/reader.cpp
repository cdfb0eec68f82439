// SPDX-License-Identifier: MIT
#include "libfiona/pixel/reader.h"

#include "libfiona/base/error.h"
#include "libfiona/pixel/tesseract.h"

#include <iterator>
#include <numeric>

namespace fiona::pixel {

namespace {

double mean_confidence(const std::vector<Word>& words)
{
    if (words.empty()) {
        return -1;
    }
    return std::accumulate(words.begin(), words.end(), 0.0,
                           [](double sum, const Word& word) { return sum + word.confidence; })
           / static_cast<double>(words.size());
}

/// `picture` with a frame of black around it: letters must not touch the edge.
GrayPlane framed(const GrayPlane& picture)
{
    constexpr std::uint32_t border = 8;
    GrayPlane result{picture.width + 2 * border, picture.height + 2 * border, {}};
    result.values.resize(std::size_t{result.width} * result.height);
    for (std::uint32_t y = 0; y < picture.height; ++y) {
        std::copy_n(picture.row(y), picture.width, result.row(y + border) + border);
    }
    return result;
}

} // namespace

Reader::Reader(const std::string& languages) : m_languages{installed_languages(languages)}
{
    if (m_languages.empty()) {
        throw Error{Fault::missing,
                    "Tesseract has none of the languages {}: install tesseract-ocr-eng", languages};
    }
}

Reader::~Reader() = default;

void Reader::load()
{
    if (!m_tesseract) {
        m_tesseract = std::make_unique<Tesseract>(m_languages);
    }
}

std::vector<Word> Reader::words_in(const GrayPlane& picture)
{
    load();
    m_has_read = true;
    auto words = m_tesseract->words(picture, Layout::anywhere);
    auto more = m_tesseract->words(inverted(picture), Layout::anywhere);
    words.insert(words.end(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));
    return words;
}

std::vector<Word> Reader::words_of_part(const GrayPlane& part)
{
    constexpr float line_height = 48; // pixels, with some margin: what the models were trained on
    load();
    m_has_read = true;
    const bool is_high = part.height > 2 * part.width;
    std::vector<Word> best;
    for (const unsigned quarters : is_high ? std::vector{1U, 3U} : std::vector{0U}) {
        const auto upright = turned(part, quarters);
        const auto scale = line_height / static_cast<float>(upright.height);
        const auto bright = framed(scaled(upright, std::clamp(scale, 0.25F, 4.0F)));
        for (const auto& shown : {bright, inverted(bright)}) {
            auto words = m_tesseract->words(shown, Layout::one_block);
            if (mean_confidence(words) > mean_confidence(best)) {
                best = std::move(words);
            }
        }
    }
    return best;
}

} // namespace fiona::pixel
