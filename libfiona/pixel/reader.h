// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/private.h"
#include "libfiona/pixel/gray.h"

#include <memory>
#include <string>
#include <vector>

namespace fiona::pixel {

/// A word as Tesseract read it.
struct Word {
    Box box;
    int confidence = 0; ///< 0..100
    Private<std::string> text{std::string{}};
};

/// Tesseract with its languages loaded. Uses one thread.
class Reader {
public:
    /// `languages` as "eng+nor"; those without data on this machine are left out. Throws
    /// Error{Fault::missing} if none is left.
    explicit Reader(const std::string& languages);
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader();

    /// Words anywhere in the picture, bright or dark.
    [[nodiscard]] std::vector<Word> words_in(const GrayPlane& picture) const;
    /// The words of a small part of a picture, enlarged as Tesseract likes it, in both polarities
    /// and, where the part is high, turned; the best of these readings. Boxes are not given.
    [[nodiscard]] std::vector<Word> words_of_part(const GrayPlane& part) const;

private:
    struct Engine;
    std::unique_ptr<Engine> m_engine;
};

} // namespace fiona::pixel
