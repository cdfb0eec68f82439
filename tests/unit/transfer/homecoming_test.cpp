// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/source_file.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/transfer/homecoming.h"
#include "tests/support/phantom_file.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace fiona;
using anonymize::Item;
using anonymize::Tag;

namespace {

const anonymize::Origin origin{
    "DEMO",
    StudyUid{"1.2.3"},
    {{"2.25.1", "1.2.3"}, {"2.25.2", "1.2.3.1"}, {"2.25.3", "1.2.3.1.1"}, {"2.25.4", "1.2.3.77"}}};
const transfer::HomeFacts facts{Private<std::string>{"ACC1"}, Private<std::string>{"20240102"}};

Item computed()
{
    return phantom::image({"2.25.1", "2.25.901", "2.25.902"});
}

Item with_reference(const std::string& sop)
{
    auto object = computed();
    Item inner;
    phantom::put(inner, phantom::text({0x0008, 0x1155}, "UI", sop));
    std::vector<Item> instances;
    instances.push_back(std::move(inner));
    Item series;
    phantom::put(series, phantom::sequence({0x0008, 0x1199}, std::move(instances)));
    phantom::put(series, phantom::text({0x0020, 0x000e}, "UI", "2.25.2"));
    std::vector<Item> all;
    all.push_back(std::move(series));
    phantom::put(object, phantom::sequence({0x0008, 0x1115}, std::move(all)));
    phantom::put(object, phantom::text({0x0020, 0x0052}, "UI", "2.25.4"));
    return object;
}

class Result {
public:
    explicit Result(const Item& object, phantom::Syntax syntax = phantom::Syntax::explicit_little)
    {
        m_source = phantom::write(m_root / "in.dcm", object, syntax);
        transfer::write_with_origin(m_root / "in.dcm", m_root / "out.dcm", origin, facts,
                                    {"2.25.901", "2.25.902", "2.25.903"});
        const auto layout = anonymize::examine(m_root / "out.dcm");
        m_file.emplace(m_root / "out.dcm", layout);
        m_parsed = anonymize::read_data_set(m_file->header(), layout.encoding);
    }
    [[nodiscard]] const Item& root() const { return m_parsed.root; }
    [[nodiscard]] std::string bytes() const { return phantom::slurp(m_root / "out.dcm"); }
    [[nodiscard]] const std::string& pixels() const { return m_source.pixels; }

private:
    TempDir m_root;
    phantom::Made m_source;
    std::optional<anonymize::SourceFile> m_file;
    anonymize::Parsed m_parsed;
};

std::string text(const Item& item, Tag tag)
{
    const auto* const element = item.find(tag);
    return element == nullptr ? "" : std::string{trimmed(element->value())};
}

} // namespace

TEST_CASE("an object gets its study, its references and its frame of reference back")
{
    const Result result{with_reference("2.25.3")};

    CHECK(text(result.root(), {0x0020, 0x000d}) == "1.2.3");
    CHECK(text(result.root(), {0x0020, 0x000e}) == "2.25.901");
    CHECK(text(result.root(), {0x0008, 0x0018}) == "2.25.902");
    CHECK(text(result.root(), {0x0020, 0x0052}) == "1.2.3.77");
    const auto& series = result.root().find({0x0008, 0x1115})->items.front();
    CHECK(text(series, {0x0020, 0x000e}) == "1.2.3.1");
    CHECK(text(series.find({0x0008, 0x1199})->items.front(), {0x0008, 0x1155}) == "1.2.3.1.1");
    CHECK(text(result.root(), {0x0008, 0x0050}) == "ACC1");
    CHECK(text(result.root(), {0x0008, 0x0080}) == "external");
    CHECK(text(result.root(), {0x0008, 0x0020}) == "20240102");
}

TEST_CASE("pixel data goes home bit for bit, the preamble does not")
{
    const auto syntax = GENERATE(phantom::Syntax::implicit, phantom::Syntax::explicit_little,
                                 phantom::Syntax::explicit_big, phantom::Syntax::rle);
    const Result result{computed(), syntax};

    CHECK(result.bytes().find(result.pixels()) != std::string::npos);
    CHECK(result.bytes().find("PREAMBLE") == std::string::npos);
}

TEST_CASE("a reference to what came with it stays, one to something unknown is refused")
{
    CHECK_NOTHROW(Result{with_reference("2.25.903")});
    CHECK_NOTHROW(Result{with_reference("1.2.840.10008.1.9")});
    CHECK_THROWS_AS(Result{with_reference("2.25.999")}, Error);
    CHECK_THROWS_AS(Result{with_reference("1.2.3.1.1")}, Error); // an original: whose?
}

TEST_CASE("one of our own objects is not taken home")
{
    CHECK_THROWS_AS(Result{phantom::image({"2.25.1", "2.25.2", "2.25.3"})}, Error);
    CHECK_THROWS_AS(Result{phantom::image({"2.25.1", "2.25.901", "2.25.3"})}, Error);
}
