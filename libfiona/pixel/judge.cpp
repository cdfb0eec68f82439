// SPDX-License-Identifier: MIT
#include "libfiona/pixel/judge.h"

#include "libfiona/base/text.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>

namespace fiona::pixel {

namespace {

constexpr int read_well = 70; // confidence above which Tesseract is believed

bool is_mostly_inside(const Box& inner, const Box& outer)
{
    const Box common{std::max(inner.x0, outer.x0), std::max(inner.y0, outer.y0),
                     std::min(inner.x1, outer.x1), std::min(inner.y1, outer.y1)};
    return common.area() * 10 >= inner.area() * 8;
}

/// PS3.3 §C.8.5.5: the parts of a picture that show echoes; text is beside them.
std::vector<Box> ultrasound_regions(DcmItem& data_set)
{
    std::vector<Box> regions;
    DcmItem* item = nullptr;
    for (signed long i = 0;
         data_set.findAndGetSequenceItem(DCM_SequenceOfUltrasoundRegions, item, i).good(); ++i) {
        Uint32 x0 = 0;
        Uint32 y0 = 0;
        Uint32 x1 = 0;
        Uint32 y1 = 0;
        if (item->findAndGetUint32(DCM_RegionLocationMinX0, x0).good()
            && item->findAndGetUint32(DCM_RegionLocationMinY0, y0).good()
            && item->findAndGetUint32(DCM_RegionLocationMaxX1, x1).good()
            && item->findAndGetUint32(DCM_RegionLocationMaxY1, y1).good()) {
            regions.push_back({x0, y0, x1, y1});
        }
    }
    return regions;
}

/// A letter or two that stand alone: markers of sides look like that.
bool is_single_mark(const TextBox& text, const std::vector<TextBox>& all)
{
    constexpr std::uint32_t largest = 64;
    const auto width = text.box.x1 - text.box.x0;
    const auto height = text.box.y1 - text.box.y0;
    if (width > largest || height > largest || width > 2 * height) {
        return false;
    }
    const Box around{text.box.x0 - std::min(text.box.x0, largest),
                     text.box.y0 - std::min(text.box.y0, height / 2), text.box.x1 + largest,
                     text.box.y1 + height / 2};
    return std::ranges::count_if(all, [&](const TextBox& other) { return other.box.meets(around); })
           == 1;
}

/// A box with all that touch it: a word in pieces must not be judged by its pieces.
Box whole_line(Box box, const std::vector<TextBox>& all)
{
    constexpr int rounds = 8; // a line has few pieces; a picture full of boxes must not cost much
    for (int round = 0; round < rounds; ++round) {
        const auto before = box;
        for (const auto& other : all) {
            if (other.box.meets(box)) {
                box = box.joined(other.box);
            }
        }
        if (box == before) {
            break;
        }
    }
    return box;
}

/// Letters to change, put in or leave out to make one text of the other.
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (const char letter : a) {
        auto diagonal = row[0]++;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const auto changed = diagonal + (letter == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
        }
    }
    return row[b.size()];
}

} // namespace

std::string folded(std::string_view text)
{
    std::string result;
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if (byte < 0x80) {
            if (std::isalnum(byte) != 0) {
                result.push_back(static_cast<char>(std::toupper(byte)));
            }
        } else {
            // Tesseract and header disagree on marks often enough: any letter outside ASCII is one.
            if ((byte & 0xc0U) == 0xc0U) {
                result.push_back('?');
            }
        }
    }
    return result;
}

Identifiers::Identifiers(DcmItem& data_set, const std::vector<std::string>& more)
{
    for (const auto& tag :
         {DCM_PatientName, DCM_PatientID, DCM_OtherPatientNames, DCM_RETIRED_OtherPatientIDs,
          DCM_AccessionNumber, DCM_InstitutionName, DCM_InstitutionAddress,
          DCM_ReferringPhysicianName, DCM_PerformingPhysicianName, DCM_OperatorsName,
          DCM_NameOfPhysiciansReadingStudy, DCM_StudyID, DCM_StationName, DCM_PatientBirthName,
          DCM_PatientMotherBirthName, DCM_PatientAddress, DCM_PatientTelephoneNumbers}) {
        OFString text;
        if (data_set.findAndGetOFStringArray(tag, text).good()) {
            add({text.data(), text.size()});
        }
    }
    for (const auto& tag : {DCM_PatientBirthDate, DCM_StudyDate, DCM_SeriesDate,
                            DCM_AcquisitionDate, DCM_ContentDate}) {
        OFString text;
        if (data_set.findAndGetOFString(tag, text).good()) {
            add_date({text.data(), text.size()});
        }
    }
    for (const auto& text : more) {
        add(text);
    }
}

void Identifiers::add(std::string_view text)
{
    constexpr std::size_t least = 3;
    auto known = m_known.reveal();
    std::string part;
    const auto take = [&](std::string_view piece) {
        auto key = folded(piece);
        if (key.size() >= least) {
            known.push_back(std::move(key));
        }
    };
    take(text);
    for (const char letter : text) {
        if (std::string_view{" ^=\\,;/.-"}.find(letter) != std::string_view::npos) {
            take(part);
            part.clear();
        } else {
            part.push_back(letter);
        }
    }
    take(part);
    m_known = Private{std::move(known)};
}

/// YYYYMMDD in the orders people write it; folding drops what is between.
void Identifiers::add_date(std::string_view text)
{
    if (text.size() != 8) {
        return;
    }
    const std::string year{text.substr(0, 4)};
    const std::string month{text.substr(4, 2)};
    const std::string day{text.substr(6, 2)};
    const auto short_year = year.substr(2);
    for (const auto& form :
         {fmt::format("{}{}{}", year, month, day), fmt::format("{}{}{}", day, month, year),
          fmt::format("{}{}{}", month, day, year), fmt::format("{}{}{}", day, month, short_year),
          fmt::format("{}{}{}", short_year, month, day), year}) {
        add(form);
    }
}

bool Identifiers::resembles(const std::string& word) const
{
    const auto read = folded(word);
    constexpr std::size_t least = 3;
    if (read.size() < least) {
        return false;
    }
    return std::ranges::any_of(m_known.reveal(), [&](const std::string& known) {
        if (known.find(read) != std::string::npos || read.find(known) != std::string::npos) {
            return true;
        }
        const auto longer = std::max(known.size(), read.size());
        const auto shorter = std::min(known.size(), read.size());
        return longer - shorter <= longer / 4 && distance(known, read) <= longer / 4;
    });
}

std::vector<Word> Questions::words_of_part(const GrayPlane& part)
{
    // FNV-1a, 64 bits
    std::uint64_t hash = 14695981039346656037U;
    const auto mix = [&](std::uint32_t value) { hash = (hash ^ value) * 1099511628211U; };
    mix(part.width);
    for (const auto value : part.values) {
        mix(value);
    }
    if (const auto known = m_answers.find(hash); known != m_answers.end()) {
        return known->second;
    }
    if (m_asked == most) {
        return {};
    }
    ++m_asked;
    return m_answers.emplace(hash, m_reader->words_of_part(part)).first->second;
}

std::vector<Word> Questions::words_in(const GrayPlane& picture)
{
    return m_reader->words_in(picture);
}

Judge::Judge(const CleanOptions& options, DcmItem& data_set, Reader* reader)
    : m_options{options}, m_questions{reader},
      m_identifiers{data_set, options.identity.reveal()}, m_anatomy{ultrasound_regions(data_set)}
{
}

bool Judge::is_safe(const std::string& word) const
{
    return std::ranges::find(m_options.safe_words, word) != m_options.safe_words.end();
}

/// All words have to be read well and be harmless; a digit or a letter of doubt makes it unread.
Judge::Reading Judge::reading_of(const std::vector<Word>& words) const
{
    bool all_well = !words.empty();
    bool all_safe = true;
    for (const auto& word : words) {
        const auto& text = word.text.reveal();
        if (m_identifiers.resembles(text)) {
            return Reading::identity;
        }
        all_well = all_well && word.confidence >= read_well;
        all_safe = all_safe && is_safe(text);
    }
    const bool may_stay = all_safe || m_options.hide == Hide::known;
    return all_well && may_stay ? Reading::harmless : Reading::unread;
}

bool Judge::is_outside_anatomy(const Box& box) const
{
    return !m_anatomy.empty()
           && std::ranges::none_of(m_anatomy, [&](const Box& part) { return part.meets(box); });
}

std::vector<TextBox> Judge::detected(const std::vector<GrayPlane>& views, const Box& part)
{
    std::vector<TextBox> result;
    for (const auto& view : views) {
        for (auto text : find_text(view)) {
            const bool is_known = std::ranges::any_of(result, [&](const TextBox& other) {
                return (other.certain || !text.certain) && is_mostly_inside(text.box, other.box);
            });
            if (is_known || text.confidence < m_options.least_confidence) {
                continue;
            }
            const Box in_frame{text.box.x0 + part.x0, text.box.y0 + part.y0, text.box.x1 + part.x0,
                               text.box.y1 + part.y0};
            text.certain = text.certain || is_outside_anatomy(in_frame);
            result.push_back(text);
        }
        if (m_questions.can_read()) {
            read(result, view);
        }
    }
    return result;
}

void Judge::read(std::vector<TextBox>& texts, const GrayPlane& view)
{
    // What is doubtful is hidden too; only if it is much is it worth to ask.
    const auto doubtful_area = std::accumulate(
        texts.begin(), texts.end(), std::uint64_t{0}, [](std::uint64_t sum, const TextBox& text) {
            return sum + (text.certain ? 0 : text.box.area());
        });
    const bool is_doubtful = static_cast<double>(doubtful_area)
                             > most_unsure_share * static_cast<double>(view.values.size());
    std::vector<TextBox> kept;
    for (auto text : texts) {
        const bool is_asked = m_options.hide == Hide::known || (!text.certain && is_doubtful)
                              || is_single_mark(text, texts);
        if (is_asked) {
            const auto words =
                m_questions.words_of_part(cropped(view, whole_line(text.box, texts)));
            if (reading_of(words) == Reading::harmless) {
                continue;
            }
            constexpr int likely = 50;
            text.certain =
                text.certain || std::ranges::any_of(words, [](const Word& word) {
                    return word.confidence >= likely && folded(word.text.reveal()).size() >= 3;
                });
        }
        kept.push_back(text);
    }
    texts = std::move(kept);
}

std::vector<TextBox> Judge::recognised(const std::vector<GrayPlane>& views)
{
    constexpr std::uint32_t margin = 3;
    std::vector<TextBox> result;
    for (const auto& view : views) {
        for (const auto& word : m_questions.words_in(view)) {
            if (word.confidence >= m_options.least_confidence
                && reading_of({word}) != Reading::harmless) {
                result.push_back(
                    {word.box.grown(margin, view.width, view.height), word.confidence, true});
            }
        }
    }
    return result;
}

std::vector<TextBox> Judge::boxes(const std::vector<GrayPlane>& views, const Box& part)
{
    return m_options.search == Search::ocr ? recognised(views) : detected(views, part);
}

} // namespace fiona::pixel
