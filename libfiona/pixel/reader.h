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

class Tesseract;

/// Reads parts of pictures with Tesseract, which is loaded when something is read for the first time.
class Reader {
public:
    /// `languages` as "eng+nor"; those without data on this machine are left out. Throws
    /// Error{Fault::missing} if none is left.
    explicit Reader(const std::string& languages);
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader();

    /// Loads Tesseract now, if it is not: children share what their parent has loaded. Throws
    /// Error{Fault::missing} without it.
    void load();
    /// Whether something was read.
    [[nodiscard]] bool has_read() const { return m_has_read; }

    /// Words anywhere in the picture, bright or dark. Throws as load().
    [[nodiscard]] std::vector<Word> words_in(const GrayPlane& picture);
    /// The words of a small part of a picture, enlarged as Tesseract likes it, in both polarities
    /// and, where the part is high, turned; the best of these readings. Boxes are not given. Throws as
    /// load().
    [[nodiscard]] std::vector<Word> words_of_part(const GrayPlane& part);

private:
    std::string m_languages;
    std::unique_ptr<Tesseract> m_tesseract;
    bool m_has_read = false;
};

} // namespace fiona::pixel
