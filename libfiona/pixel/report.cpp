// SPDX-License-Identifier: MIT
#include "libfiona/base/words.h"
#include "libfiona/pixel/clean.h"

#include <cmath>

namespace fiona::pixel {

namespace {

constexpr WordTable<Verdict, 4> verdict_words{{
    {Verdict::unchanged, "unchanged"},
    {Verdict::masked, "masked"},
    {Verdict::held, "held"},
    {Verdict::refused, "refused"},
}};

json::Value json_of(const FrameMasks& masks)
{
    json::Array boxes;
    for (const auto& masked : masks.boxes) {
        const auto& box = masked.box;
        boxes.push_back(json::Object{{"x", box.x0},
                                     {"y", box.y0},
                                     {"width", box.x1 - box.x0},
                                     {"height", box.y1 - box.y0},
                                     {"confidence", masked.confidence}});
    }
    return json::Object{{"first_frame", masks.first}, {"last_frame", masks.last}, {"boxes", boxes}};
}

std::uint32_t number(const json::Value& value, std::string_view key)
{
    const auto* const found = value.find(key);
    return found == nullptr ? 0 : static_cast<std::uint32_t>(found->integer());
}

FrameMasks masks_of(const json::Value& value)
{
    FrameMasks masks{number(value, "first_frame"), number(value, "last_frame"), {}};
    for (const auto& box : value.find("boxes")->array()) {
        const auto x = number(box, "x");
        const auto y = number(box, "y");
        masks.boxes.push_back({{x, y, x + number(box, "width"), y + number(box, "height")},
                               static_cast<int>(number(box, "confidence"))});
    }
    return masks;
}

} // namespace

std::string_view word_of(Verdict verdict)
{
    return fiona::word_of(verdict_words, verdict);
}

json::Value CleanReport::to_json() const
{
    json::Array all;
    for (const auto& frame : masks) {
        all.push_back(json_of(frame));
    }
    json::Object object{{"verdict", word_of(verdict)},
                        {"frames", frames},
                        {"columns", columns},
                        {"rows", rows},
                        {"masks", all},
                        {"masked_share", std::round(masked_share * 1e6) / 1e6},
                        {"was_read", was_read},
                        {"from_transfer_syntax", from_syntax},
                        {"to_transfer_syntax", to_syntax}};
    if (!reason.empty()) {
        object.emplace("reason", reason);
    }
    return object;
}

CleanReport CleanReport::from_json(const json::Value& value)
{
    CleanReport report;
    report.verdict = meaning_of(verdict_words, value.text("verdict")).value_or(report.verdict);
    report.reason = value.text("reason");
    report.frames = number(value, "frames");
    report.columns = number(value, "columns");
    report.rows = number(value, "rows");
    for (const auto& masks : value.find("masks")->array()) {
        report.masks.push_back(masks_of(masks));
    }
    report.masked_share = value.find("masked_share")->number();
    report.was_read = value.find("was_read")->boolean();
    report.from_syntax = value.text("from_transfer_syntax");
    report.to_syntax = value.text("to_transfer_syntax");
    return report;
}

} // namespace fiona::pixel
