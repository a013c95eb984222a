package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxItems bounds a list.
const maxItems = 64

// decode reads raw, a value as YAML, a variable or a default gives it, into the field, and says what is wrong with it.
func (k Key) decode(raw any, field reflect.Value) Problems {
	if field.Kind() != reflect.Slice {
		text, scalar := scalarText(raw)
		if !scalar {
			return Problems{k.wrong("", "is not one value", "write "+k.form())}
		}
		return k.decodeOne(text, field)
	}
	items, scalar := listItems(raw)
	if !scalar || len(items) > maxItems {
		return Problems{k.wrong("", "is not a list of values", fmt.Sprintf("write up to %d values, in a variable with commas between", maxItems))}
	}
	var problems Problems
	list := reflect.MakeSlice(field.Type(), len(items), len(items))
	for i, item := range items {
		problems = append(problems, k.decodeOne(item, list.Index(i))...)
	}
	if len(items) > 0 {
		field.Set(list)
	}
	return problems
}

func scalarText(raw any) (string, bool) {
	switch v := raw.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case bool, int, int64, uint64, float64:
		return fmt.Sprint(v), true
	}
	return "", false
}

func listItems(raw any) ([]string, bool) {
	if text, ok := raw.(string); ok || raw == nil {
		return slices.DeleteFunc(strings.Split(text, ","), func(s string) bool { return s == "" }), true
	}
	values, ok := raw.([]any)
	items := make([]string, len(values))
	for i, value := range values {
		text, scalar := scalarText(value)
		ok = ok && scalar
		items[i] = text
	}
	return items, ok
}

func (k Key) decodeOne(text string, field reflect.Value) Problems {
	text = strings.TrimSpace(text)
	switch {
	case field.Type() == durationType:
		return k.decodeDuration(text, field)
	case field.Kind() == reflect.Int:
		return k.decodeInt(text, field)
	case field.Kind() == reflect.Bool:
		if text == "" {
			return nil
		}
		value, err := strconv.ParseBool(text)
		if err != nil {
			return Problems{k.wrong(text, "is neither true nor false", "write "+k.form())}
		}
		field.SetBool(value)
		return nil
	}
	field.SetString(text)
	if k.OneOf != nil && !slices.Contains(k.OneOf, text) {
		return Problems{k.wrong(text, "is not one of the values there are", "write "+k.form())}
	}
	if text == "" || k.check == "" {
		return nil
	}
	if detail, remedy := checks[k.check](text); detail != "" {
		return Problems{k.wrong(text, detail, remedy)}
	}
	return nil
}

func (k Key) decodeDuration(text string, field reflect.Value) Problems {
	value, err := time.ParseDuration(text)
	if err != nil {
		return Problems{k.wrong(text, "is not a duration with its unit", "write "+k.form())}
	}
	least, _ := time.ParseDuration(k.Min)
	most, _ := time.ParseDuration(k.Max)
	if value < least || value > most {
		return Problems{k.wrong(text, "is out of bounds", "write "+k.form())}
	}
	field.SetInt(int64(value))
	return nil
}

func (k Key) decodeInt(text string, field reflect.Value) Problems {
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return Problems{k.wrong(text, "is not a whole number", "write "+k.form())}
	}
	least, _ := strconv.ParseInt(k.Min, 10, 64)
	most, _ := strconv.ParseInt(k.Max, 10, 64)
	if value < least || value > most {
		return Problems{k.wrong(text, "is out of bounds", "write "+k.form())}
	}
	field.SetInt(value)
	return nil
}

// form says what may be written, e.g. "a duration from 1s to 5m, such as 10s".
func (k Key) form() string {
	switch {
	case k.OneOf != nil:
		return strings.Join(slices.DeleteFunc(slices.Clone(k.OneOf), func(s string) bool { return s == "" }), ", ")
	case k.Type == "duration":
		return fmt.Sprintf("a duration from %s to %s, such as %s", k.Min, k.Max, k.Default)
	case k.Type == "whole number":
		return fmt.Sprintf("a whole number of %s from %s to %s", k.Unit, k.Min, k.Max)
	case k.Type == "true or false":
		return k.Type
	}
	return "a text"
}

func (k Key) wrong(value, detail, remedy string) Problem {
	return Problem{Key: k.Name, Value: k.show(value), Detail: detail, Remedy: remedy}
}

// show prints a value of the key as far as people may see it.
func (k Key) show(value string) string {
	switch {
	case !k.Secret:
		return withoutAddress(value)
	case k.check == "dsn":
		return showDSN(Secret(value))
	case k.check == "redis_url":
		return showURL(Secret(value))
	}
	return Secret(value).String()
}
