// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/engine.h"
#include "libfiona/anonymize/profile.h"
#include "libfiona/base/dates.h"
#include "tests/support/phantom_file.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <set>

// A file with a sentinel in every row of the profile, at the top level and one and three levels down:
// no sentinel of a row that removes, replaces, maps or shifts may be in any byte of the output.

using namespace fiona;
using namespace fiona::anonymize;
using phantom::put;
using phantom::sequence;
using phantom::text;

namespace {

constexpr Tag recursed{0x0054, 0x0016}; // a sequence that the profile enters

struct Planted {
    std::vector<std::string> sentinels;
    int counter = 1000;
};

bool must_vanish(Action action)
{
    const std::set<Action> kept{Action::keep,       Action::clean,         Action::clean_sequence,
                                Action::structured, Action::graphics,      Action::recurse,
                                Action::burned_in,  Action::event_or_clean};
    return !kept.contains(action);
}

std::string sentinel_for(Vr vr, int number)
{
    if (vr == Vr{"DA"} || vr == Vr{"DT"}) {
        // 100 days apart, so that no sentinel moved by 42 days is another sentinel.
        const std::chrono::sys_days first{std::chrono::year{1500} / 1 / 1};
        return format_da(first + std::chrono::days{100} * (number - 1000));
    }
    if (vr == Vr{"UI"}) {
        return fmt::format("1.2.752.99.{}.{}", number, number * 7919);
    }
    if (vr == Vr{"IS"} || vr == Vr{"DS"} || vr == Vr{"TM"} || vr == Vr{"AS"}) {
        return fmt::format("31{}7{}", number, number * 3);
    }
    return fmt::format("ZQVX{}W", number);
}

Element planted(const ProfileRow& row, Tag tag, Planted& planted)
{
    const bool is_sequence = row.vr == Vr{"SQ"};
    const auto vr = row.vr == Vr{} && !is_private(tag) && row.tag.size() == 8 ? Vr{"LO"} : row.vr;
    const auto value = sentinel_for(is_sequence ? Vr{"LO"} : vr, ++planted.counter);
    if (must_vanish(row.rule.action)) {
        planted.sentinels.push_back(value);
    }
    if (!is_sequence) {
        return text(tag, vr == Vr{} ? Vr{"LO"} : vr, value);
    }
    Item item;
    put(item, text({0x0008, 0x0104}, "LO", value));
    put(item, text({0x0010, 0x0010}, "PN", value));
    return sequence(tag, {item});
}

std::optional<Tag> tag_of(const ProfileRow& row)
{
    if (row.tag == "50XXXXXX") {
        return Tag{0x5004, 0x3000};
    }
    if (row.tag == "60XX3000" || row.tag == "60XX4000") {
        return Tag{0x6002, static_cast<std::uint16_t>(row.tag == "60XX3000" ? 0x3000 : 0x4000)};
    }
    const auto tag = parse_tag(row.tag);
    // The groups below 0008 have no place in a data set; a document at the top is refused as a whole.
    const bool usable = tag && tag->group >= 0x0008 && *tag != Tag{0x0042, 0x0011}
                        && *tag != recursed && *tag != Tag{0x0040, 0xb020};
    return usable ? tag : std::nullopt;
}

Item full_item(const Profile& profile, Planted& all, Item item)
{
    for (const auto& row : profile.rows()) {
        const auto tag = tag_of(row);
        if (tag && tag->group < 0x7fe0) {
            if (is_private(*tag) && tag->element >= 0x1000) {
                put(item, text({tag->group, 0x0010}, "LO", row.keyword));
            }
            put(item, planted(row, *tag, all));
        }
    }
    return item;
}

void add_private_blocks(Item& item, Planted& all)
{
    const auto sentinel = [&](Vr vr) {
        all.sentinels.push_back(sentinel_for(vr, ++all.counter));
        return all.sentinels.back();
    };
    put(item, text({0x0029, 0x0010}, "LO", sentinel("LO")));
    put(item, text({0x0029, 0x1010}, "OB", sentinel("OB")));
    put(item, text({0x0029, 0x1011}, "UN", sentinel("UN")));
    Item inner;
    put(inner, text({0x0010, 0x0010}, "PN", sentinel("PN")));
    put(inner, text({0x0018, 0x0050}, "LO", sentinel("LO")));
    put(item, sequence({0x0029, 0x1012}, {inner}));
    put(item, text({0x0029, 0x1013}, "UI", sentinel("UI")));
    put(item, text({0x0029, 0x0008}, "LO", sentinel("LO")));
    // Allowed, in a block that a PACS moved: what identifies inside goes, the number stays.
    put(item, text({0x0019, 0x0042}, "LO", "SIEMENS MR HEADER"));
    put(item, text({0x0019, 0x420c}, "IS", "1000"));
    put(item, text({0x0019, 0x4299}, "LO", sentinel("LO")));
}

} // namespace

TEST_CASE("no planted value of a removing row is in any byte of the output")
{
    const auto syntax =
        GENERATE(phantom::Syntax::explicit_little, phantom::Syntax::implicit,
                 phantom::Syntax::explicit_big, phantom::Syntax::deflated, phantom::Syntax::rle);
    const TempDir root;
    auto settings = phantom::settings(root.path);
    settings.verify = GENERATE(true, false); // the rules alone must do it
    const auto profile = Profile::load(settings.profiles, settings.safe_private);
    Planted all;
    Item innermost = full_item(profile, all, {});
    add_private_blocks(innermost, all);
    Item middle;
    put(middle, sequence(recursed, {innermost}));
    Item first = full_item(profile, all, {});
    put(first, sequence(recursed, {middle}));
    auto data = full_item(profile, all, {});
    for (const auto& element : phantom::image().elements) {
        const bool is_identity = element.tag.group == 0x0010 || element.tag == Tag{0x0020, 0x000d};
        if (data.find(element.tag) == nullptr || (!is_identity && element.vr == Vr{"UI"})) {
            put(data, element);
        }
    }
    put(data, sequence(recursed, {first}));
    add_private_blocks(data, all);
    const auto made = phantom::write(root / "in.dcm", data, syntax);
    all.sentinels.insert(all.sentinels.end(), {"PREAMBLE", "METASENDER", "METAPRIVATE",
                                               "TRAILINGPHI", "PID998877", "1.2.752.24"});

    const auto report = anonymize_files({made.file}, root / "out", settings);

    CAPTURE(report.files[0].reason);
    REQUIRE(report.files[0].verdict == Verdict::written);
    const auto bytes = phantom::slurp(report.files[0].output);
    std::vector<std::string> found;
    for (const auto& sentinel : all.sentinels) {
        if (bytes.find(sentinel) != std::string::npos) {
            found.push_back(sentinel);
        }
    }
    CHECK(found == std::vector<std::string>{});
    CHECK(all.sentinels.size() > 1200);
    CHECK(bytes.find("1000") != std::string::npos); // the b value in the moved block
    CHECK(bytes.ends_with(made.pixels));
}
