// SPDX-License-Identifier: MIT
#include "libfiona/pixel/reader.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <dlfcn.h>
#include <leptonica/allheaders.h>
#include <tesseract/baseapi.h>
#include <tesseract/resultiterator.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <utility>

namespace fiona::pixel {

namespace fs = std::filesystem;

struct Reader::Engine {
    // Tesseract sets its parameters and recognises through non-const functions.
    mutable tesseract::TessBaseAPI api;
};

namespace {

class Picture {
public:
    explicit Picture(Pix* pix) : m_pix{pix}
    {
        if (m_pix == nullptr) {
            throw Error{Fault::internal, "no memory for a picture"};
        }
    }
    Picture(const Picture&) = delete;
    Picture& operator=(const Picture&) = delete;
    Picture(Picture&& other) noexcept : m_pix{std::exchange(other.m_pix, nullptr)} {}
    ~Picture() { pixDestroy(&m_pix); }

    [[nodiscard]] Pix* get() const { return m_pix; }

private:
    Pix* m_pix;
};

Picture picture_of(const GrayPlane& plane)
{
    Picture picture{
        pixCreate(static_cast<l_int32>(plane.width), static_cast<l_int32>(plane.height), 8)};
    auto* const words = pixGetData(picture.get());
    const auto per_line = static_cast<std::size_t>(pixGetWpl(picture.get()));
    for (std::uint32_t y = 0; y < plane.height; ++y) {
        auto* const line = words + y * per_line;
        const auto* const row = plane.row(y);
        for (std::uint32_t x = 0; x < plane.width; ++x) {
            line[x / 4] |= static_cast<l_uint32>(row[x]) << (24 - 8 * (x % 4));
        }
    }
    return picture;
}

std::vector<Word> recognised(tesseract::TessBaseAPI& api, Pix* picture, tesseract::PageSegMode mode)
{
    api.SetPageSegMode(mode);
    api.SetImage(picture);
    api.SetSourceResolution(150);
    std::vector<Word> words;
    if (api.Recognize(nullptr) != 0) {
        throw Error{Fault::internal, "Tesseract failed"};
    }
    const std::unique_ptr<tesseract::ResultIterator> results{api.GetIterator()};
    constexpr auto level = tesseract::RIL_WORD;
    if (results && !results->Empty(level)) {
        do {
            // NOLINTNEXTLINE(cppcoreguidelines-avoid-c-arrays,modernize-avoid-c-arrays) Tesseract made it
            const std::unique_ptr<char[]> text{results->GetUTF8Text(level)};
            int left = 0;
            int top = 0;
            int right = 0;
            int bottom = 0;
            if (text && results->BoundingBox(level, &left, &top, &right, &bottom)
                && !trimmed(text.get()).empty()) {
                words.push_back(
                    {{static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(top),
                      static_cast<std::uint32_t>(right), static_cast<std::uint32_t>(bottom)},
                     static_cast<int>(std::lround(results->Confidence(level))),
                     Private<std::string>{std::string{trimmed(text.get())}}});
            }
        } while (results->Next(level));
    }
    api.Clear();
    return words;
}

double mean_confidence(const std::vector<Word>& words)
{
    if (words.empty()) {
        return -1;
    }
    return std::accumulate(words.begin(), words.end(), 0.0,
                           [](double sum, const Word& word) { return sum + word.confidence; })
           / static_cast<double>(words.size());
}

std::string installed(const std::string& languages)
{
    std::string found;
    for (const auto language : split(languages, '+')) {
        for (const char* const root :
             {"/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tessdata"}) {
            std::error_code ignored;
            const auto name = std::string{language} + ".traineddata";
            if (!language.empty() && language.find('/') == std::string_view::npos
                && fs::exists(fs::path{root} / name, ignored)) {
                found += (found.empty() ? "" : "+") + std::string{language};
                break;
            }
        }
    }
    return found;
}

/// Tesseract's loops are spread over all processors by OpenMP, which costs more than it gives; the
/// environment variable against it is read before main().
void use_one_thread()
{
    using SetThreads = void (*)(int);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) what dlsym(3) gives
    const auto set = reinterpret_cast<SetThreads>(::dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
    if (set != nullptr) {
        set(1);
    }
}

} // namespace

Reader::Reader(const std::string& languages) : m_engine{std::make_unique<Engine>()}
{
    use_one_thread();
    const auto usable = installed(languages);
    if (usable.empty()
        || m_engine->api.Init(nullptr, usable.c_str(), tesseract::OEM_LSTM_ONLY) != 0) {
        throw Error{Fault::missing,
                    "Tesseract has none of the languages {}: install tesseract-ocr-eng", languages};
    }
    m_engine->api.SetVariable("debug_file", "/dev/null");
    setMsgSeverity(L_SEVERITY_NONE); // Leptonica would print
}

Reader::~Reader() = default;

std::vector<Word> Reader::words_in(const GrayPlane& picture) const
{
    const auto upright = picture_of(picture);
    auto words = recognised(m_engine->api, upright.get(), tesseract::PSM_SPARSE_TEXT);
    const Picture inverted{pixInvert(nullptr, upright.get())};
    auto more = recognised(m_engine->api, inverted.get(), tesseract::PSM_SPARSE_TEXT);
    words.insert(words.end(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));
    return words;
}

std::vector<Word> Reader::words_of_part(const GrayPlane& part) const
{
    constexpr float line_height = 48; // pixels, with some margin: what the models were trained on
    const auto upright = picture_of(part);
    const bool is_high = part.height > 2 * part.width;
    std::vector<Word> best;
    for (const int quarters : is_high ? std::vector{1, 3} : std::vector{0}) {
        const Picture turned{pixRotateOrth(upright.get(), quarters)};
        const auto height = static_cast<float>(pixGetHeight(turned.get()));
        const auto scale = std::clamp(line_height / height, 0.25F, 4.0F);
        const Picture scaled{pixScale(turned.get(), scale, scale)};
        for (const bool is_inverted : {false, true}) {
            const Picture shown{is_inverted ? pixInvert(nullptr, scaled.get())
                                            : pixClone(scaled.get())};
            const Picture framed{
                pixAddBorderGeneral(shown.get(), 8, 8, 8, 8, is_inverted ? 255U : 0U)};
            auto words = recognised(m_engine->api, framed.get(), tesseract::PSM_SINGLE_BLOCK);
            if (mean_confidence(words) > mean_confidence(best)) {
                best = std::move(words);
            }
        }
    }
    return best;
}

} // namespace fiona::pixel
