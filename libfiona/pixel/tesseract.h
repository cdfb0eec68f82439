// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/reader.h"

#include <memory>
#include <string>
#include <vector>

namespace fiona::pixel {

/// How Tesseract looks for lines.
enum class Layout {
    anywhere,  ///< words anywhere in a picture
    one_block, ///< a picture of one or a few lines
};

/// The library Tesseract, found when it is needed and not linked: with all it brings it takes more memory
/// than any of our tools, and most of their runs read nothing. Uses one thread.
class Tesseract {
public:
    /// `languages` as "eng+nor". Throws Error{Fault::missing} without the library or one of their files.
    explicit Tesseract(const std::string& languages);
    Tesseract(const Tesseract&) = delete;
    Tesseract& operator=(const Tesseract&) = delete;
    ~Tesseract();

    /// Throws Error{Fault::internal} if it fails.
    [[nodiscard]] std::vector<Word> words(const GrayPlane& picture, Layout layout) const;

private:
    struct Engine;
    std::unique_ptr<Engine> m_engine;
};

/// Those of `languages` ("eng+nor") whose data are on this machine, in the same form.
[[nodiscard]] std::string installed_languages(const std::string& languages);

} // namespace fiona::pixel
