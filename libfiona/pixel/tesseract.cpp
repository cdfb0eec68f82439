// SPDX-License-Identifier: MIT
#include "libfiona/pixel/tesseract.h"

#include "libfiona/base/error.h"
#include "libfiona/base/shared_library.h"
#include "libfiona/base/text.h"

#include <tesseract/capi.h>

#include <cmath>
#include <filesystem>

namespace fiona::pixel {

namespace fs = std::filesystem;

namespace {

/// The C interface of Tesseract 4 and 5 is the same; Debian 12 has 5.
SharedLibrary tesseract()
{
    return {"libtesseract.so.5", "Tesseract", "libtesseract5"};
}

} // namespace

struct Tesseract::Engine {
    explicit Engine(const SharedLibrary& library)
        : destroy{library.get<decltype(TessBaseAPIDelete)>("TessBaseAPIDelete")},
          init{library.get<decltype(TessBaseAPIInit2)>("TessBaseAPIInit2")},
          set_variable{library.get<decltype(TessBaseAPISetVariable)>("TessBaseAPISetVariable")},
          set_layout{library.get<decltype(TessBaseAPISetPageSegMode)>("TessBaseAPISetPageSegMode")},
          set_image{library.get<decltype(TessBaseAPISetImage)>("TessBaseAPISetImage")},
          set_resolution{library.get<decltype(TessBaseAPISetSourceResolution)>(
              "TessBaseAPISetSourceResolution")},
          recognize{library.get<decltype(TessBaseAPIRecognize)>("TessBaseAPIRecognize")},
          clear{library.get<decltype(TessBaseAPIClear)>("TessBaseAPIClear")},
          results{library.get<decltype(TessBaseAPIGetIterator)>("TessBaseAPIGetIterator")},
          end_results{library.get<decltype(TessResultIteratorDelete)>("TessResultIteratorDelete")},
          next{library.get<decltype(TessResultIteratorNext)>("TessResultIteratorNext")},
          text{library.get<decltype(TessResultIteratorGetUTF8Text)>(
              "TessResultIteratorGetUTF8Text")},
          end_text{library.get<decltype(TessDeleteText)>("TessDeleteText")},
          confidence{
              library.get<decltype(TessResultIteratorConfidence)>("TessResultIteratorConfidence")},
          place{library.get<decltype(TessResultIteratorGetPageIteratorConst)>(
              "TessResultIteratorGetPageIteratorConst")},
          box{library.get<decltype(TessPageIteratorBoundingBox)>("TessPageIteratorBoundingBox")},
          api{library.get<decltype(TessBaseAPICreate)>("TessBaseAPICreate")(), destroy}
    {
    }

    decltype(&TessBaseAPIDelete) destroy;
    decltype(&TessBaseAPIInit2) init;
    decltype(&TessBaseAPISetVariable) set_variable;
    decltype(&TessBaseAPISetPageSegMode) set_layout;
    decltype(&TessBaseAPISetImage) set_image;
    decltype(&TessBaseAPISetSourceResolution) set_resolution;
    decltype(&TessBaseAPIRecognize) recognize;
    decltype(&TessBaseAPIClear) clear;
    decltype(&TessBaseAPIGetIterator) results;
    decltype(&TessResultIteratorDelete) end_results;
    decltype(&TessResultIteratorNext) next;
    decltype(&TessResultIteratorGetUTF8Text) text;
    decltype(&TessDeleteText) end_text;
    decltype(&TessResultIteratorConfidence) confidence;
    decltype(&TessResultIteratorGetPageIteratorConst) place;
    decltype(&TessPageIteratorBoundingBox) box;
    std::unique_ptr<TessBaseAPI, decltype(&TessBaseAPIDelete)> api;
};

namespace {

/// Tesseract's loops are spread over all processors by OpenMP, which costs more than it gives (the
/// environment variable against it is read before main()); Leptonica would print.
void make_quiet(const SharedLibrary& library)
{
    if (auto* const set_threads = library.find<void(int)>("omp_set_num_threads")) {
        set_threads(1);
    }
    constexpr int nothing = 6; // L_SEVERITY_NONE
    if (auto* const set_severity = library.find<int(int)>("setMsgSeverity")) {
        set_severity(nothing);
    }
}

} // namespace

std::string installed_languages(const std::string& languages)
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

Tesseract::Tesseract(const std::string& languages)
{
    const auto library = tesseract();
    make_quiet(library);
    m_engine = std::make_unique<Engine>(library);
    const auto& engine = *m_engine;
    if (engine.init(engine.api.get(), nullptr, languages.c_str(), tesseract::OEM_LSTM_ONLY) != 0) {
        throw Error{Fault::missing, "Tesseract cannot load the languages {}", languages};
    }
    engine.set_variable(engine.api.get(), "debug_file", "/dev/null");
}

Tesseract::~Tesseract() = default;

std::vector<Word> Tesseract::words(const GrayPlane& picture, Layout layout) const
{
    constexpr auto level = tesseract::RIL_WORD;
    constexpr int resolution = 150;
    const auto& engine = *m_engine;
    auto* const api = engine.api.get();
    const auto width = static_cast<int>(picture.width);
    engine.set_layout(api, layout == Layout::anywhere ? tesseract::PSM_SPARSE_TEXT
                                                      : tesseract::PSM_SINGLE_BLOCK);
    engine.set_image(api, picture.values.data(), width, static_cast<int>(picture.height), 1, width);
    engine.set_resolution(api, resolution);
    if (engine.recognize(api, nullptr) != 0) {
        throw Error{Fault::internal, "Tesseract failed"};
    }
    std::vector<Word> words;
    const std::unique_ptr<TessResultIterator, decltype(&TessResultIteratorDelete)> results{
        engine.results(api), engine.end_results};
    // Without results the iterator stands at its end and has no text.
    for (bool is_more = results != nullptr; is_more;
         is_more = engine.next(results.get(), level) != 0) {
        const std::unique_ptr<char, decltype(&TessDeleteText)> text{
            engine.text(results.get(), level), engine.end_text};
        int left = 0;
        int top = 0;
        int right = 0;
        int bottom = 0;
        if (!text || trimmed(text.get()).empty()
            || engine.box(engine.place(results.get()), level, &left, &top, &right, &bottom) == 0) {
            continue;
        }
        words.push_back({{static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(top),
                          static_cast<std::uint32_t>(right), static_cast<std::uint32_t>(bottom)},
                         static_cast<int>(std::lround(engine.confidence(results.get(), level))),
                         Private<std::string>{std::string{trimmed(text.get())}}});
    }
    engine.clear(api);
    return words;
}

} // namespace fiona::pixel
