// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/private.h"
#include "libfiona/pixel/clean.h"
#include "libfiona/pixel/detector.h"
#include "libfiona/pixel/reader.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

class DcmItem;

namespace fiona::pixel {

/// Identifiers to compare with what was read: folded, at least three characters each.
class Identifiers {
public:
    /// Those of the header (names and their parts, ids, dates in the forms people write) and `more`.
    Identifiers(DcmItem& data_set, const std::vector<std::string>& more);

    /// Whether a word may be one of them: equal, inside, or one letter misread in every four.
    [[nodiscard]] bool resembles(const std::string& word) const;

private:
    void add(std::string_view text);
    void add_date(std::string_view text);

    Private<std::vector<std::string>> m_known{std::vector<std::string>{}};
};

/// Parts nobody could confirm or deny, larger than this share of a frame, hold a file back.
/// Smaller ones are hidden like the rest: that costs the reader of the picture nothing.
constexpr double most_unsure_share = 0.03;

/// Tesseract asked about parts of pictures. In a film the same line comes back in frame after frame: its
/// answer is remembered, by the pixels. One file may ask so many questions; then nothing is read any more,
/// and what is in doubt stays so.
class Questions {
public:
    explicit Questions(Reader* reader) : m_reader{reader} {}

    [[nodiscard]] bool can_read() const { return m_reader != nullptr; }
    [[nodiscard]] std::vector<Word> words_of_part(const GrayPlane& part);
    [[nodiscard]] std::vector<Word> words_in(const GrayPlane& picture);

private:
    static constexpr unsigned most = 400;

    Reader* m_reader;
    unsigned m_asked = 0;
    std::map<std::uint64_t, std::vector<Word>> m_answers; ///< by a hash of the pixels
};

/// Decides what is hidden of what was found, with Tesseract where reading helps.
class Judge {
public:
    Judge(const CleanOptions& options, DcmItem& data_set, Reader* reader);

    /// Everything to hide in the part of a frame seen in `views`. Of the result, what is not
    /// `certain` could be neither confirmed nor denied.
    [[nodiscard]] std::vector<TextBox> boxes(const std::vector<GrayPlane>& views, const Box& part);

private:
    enum class Reading { identity, harmless, unread };
    [[nodiscard]] std::vector<TextBox> detected(const std::vector<GrayPlane>& views,
                                                const Box& part);
    [[nodiscard]] std::vector<TextBox> recognised(const std::vector<GrayPlane>& views);
    /// Takes out what may stay and settles doubts; what is not asked about stays as it is.
    void read(std::vector<TextBox>& texts, const GrayPlane& view);
    [[nodiscard]] Reading reading_of(const std::vector<Word>& words) const;
    [[nodiscard]] bool is_safe(const std::string& word) const;

    [[nodiscard]] bool is_outside_anatomy(const Box& box) const;

    const CleanOptions& m_options;
    Questions m_questions;
    Identifiers m_identifiers;
    std::vector<Box> m_anatomy; ///< regions of ultrasound (0018,6011); empty: not known
};

/// Letters (upper case, without marks) and digits of a text, `O` and `I` as they are.
[[nodiscard]] std::string folded(std::string_view text);

} // namespace fiona::pixel
